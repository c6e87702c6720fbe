// What memlab reads of a .heapsnapshot: prints nodes, edges, bytes, and what the node of a name
// retains.
const { getFullHeapFromFile } = require("@memlab/heap-analysis");

(async () => {
  const heap = await getFullHeapFromFile(process.argv[2]);
  const found = { nodes: 0, edges: 0, bytes: 0, retained: 0 };
  heap.nodes.forEach(node => {
    found.nodes += 1;
    found.bytes += node.self_size;
    if (node.name === process.argv[3]) found.retained = node.retainedSize;
  });
  heap.edges.forEach(() => { found.edges += 1; });
  console.log("\n" + JSON.stringify(found));
})();

// What the parser of Chrome's DevTools reads of a .heapsnapshot: prints nodes, edges, bytes, and
// what the node of a name retains.
import { readFileSync } from "node:fs";

import { SecondaryInitManager } from "devtools/entrypoints/heap_snapshot_worker/HeapSnapshot.ts";
import { HeapSnapshotLoader } from "devtools/entrypoints/heap_snapshot_worker/HeapSnapshotLoader.ts";

// Of Node.js 22.
Promise.withResolvers ??= function withResolvers() {
  let resolve, reject;
  const promise = new Promise((...both) => { [resolve, reject] = both; });
  return { promise, resolve, reject };
};

async function main([file, name]) {
  const loader = new HeapSnapshotLoader({ sendEvent() {} });
  loader.write(readFileSync(file, "utf8"));
  loader.close();
  await loader.parsingComplete;
  // A second worker prepares a part in a page; here it is in the same process.
  const { port1, port2 } = new MessageChannel();
  new SecondaryInitManager(port2);
  const snapshot = await loader.buildSnapshot(port1);
  const edges = snapshot.containmentEdges.length / snapshot.edgeFieldsCount;
  const found = { nodes: snapshot.nodeCount, edges, bytes: 0, retained: 0 };
  const node = snapshot.rootNode();
  for (let number = 0; number < snapshot.nodeCount; number++) {
    node.nodeIndex = number * snapshot.nodeFieldCount;
    found.bytes += node.selfSize();
    if (node.name() === name) found.retained = node.retainedSize();
  }
  console.log("\n" + JSON.stringify(found));
  process.exit(0);
}
main(process.argv.slice(2));

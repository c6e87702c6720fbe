// A MicroPython of a few structures and objects, whose heap lies in its data: what the tests of
// mpgc-heap damage. The names of structures and fields are those that the tool looks for.

typedef unsigned long word_t;
typedef void *mp_obj_t;

struct _mp_obj_type_t;
typedef struct _mp_obj_base_t { const struct _mp_obj_type_t *type; } mp_obj_base_t;
typedef struct _mp_obj_type_t {
    mp_obj_base_t base;
    unsigned short flags, name;
    unsigned char slot_index_make_new, slot_index_locals_dict, slot_index_parent;
    const void *slots[2];
} mp_obj_type_t;

typedef struct _mp_map_elem_t { mp_obj_t key, value; } mp_map_elem_t;
typedef struct _mp_map_t {
    word_t all_keys_are_qstrs : 1, is_fixed : 1, is_ordered : 1, used : sizeof(word_t) * 8 - 3;
    word_t alloc;
    mp_map_elem_t *table;
} mp_map_t;
typedef struct _mp_obj_dict_t { mp_obj_base_t base; mp_map_t map; } mp_obj_dict_t;
typedef struct _mp_obj_list_t { mp_obj_base_t base; word_t alloc, len; mp_obj_t *items; } mp_obj_list_t;
typedef struct _mp_obj_str_t { mp_obj_base_t base; word_t hash, len; const unsigned char *data; } mp_obj_str_t;
typedef struct _mp_obj_array_t {
    mp_obj_base_t base;
    word_t typecode : 8, free : sizeof(word_t) * 8 - 8;
    word_t len;
    void *items;
} mp_obj_array_t;
typedef struct _mp_obj_tuple_t { mp_obj_base_t base; word_t len; mp_obj_t items[]; } mp_obj_tuple_t;
typedef struct _mp_obj_cell_t { mp_obj_base_t base; mp_obj_t obj; } mp_obj_cell_t;
typedef struct _mp_obj_closure_t { mp_obj_base_t base; mp_obj_t fun; word_t n_closed; mp_obj_t closed[]; } mp_obj_closure_t;
typedef struct _mp_obj_bound_meth_t { mp_obj_base_t base; mp_obj_t meth, self; } mp_obj_bound_meth_t;
typedef struct _mp_obj_instance_t { mp_obj_base_t base; mp_map_t members; mp_obj_t subobj[]; } mp_obj_instance_t;
typedef struct _mp_obj_float_t { mp_obj_base_t base; double value; } mp_obj_float_t;
typedef struct _mp_module_constants_t { const unsigned short *qstr_table; mp_obj_t *obj_table; } mp_module_constants_t;
typedef struct _mp_obj_module_t { mp_obj_base_t base; mp_obj_dict_t *globals; } mp_obj_module_t;
typedef struct _mp_module_context_t { mp_obj_module_t module; mp_module_constants_t constants; } mp_module_context_t;
typedef struct _mp_obj_fun_bc_t {
    mp_obj_base_t base;
    const mp_module_context_t *context;
    struct _mp_raw_code_t *const *child_table;
    const unsigned char *bytecode;
    mp_obj_t extra_args[];
} mp_obj_fun_bc_t;
typedef struct _mp_code_state_t {
    mp_obj_fun_bc_t *fun_bc;
    const unsigned char *ip;
    mp_obj_t *sp;
    word_t n_state;
    mp_obj_t state[];
} mp_code_state_t;
typedef struct _mp_obj_gen_instance_t { mp_obj_base_t base; mp_obj_t pend_exc; mp_code_state_t code_state; } mp_obj_gen_instance_t;

typedef struct _qstr_pool_t {
    const struct _qstr_pool_t *prev;
    word_t total_prev_len, alloc, len;
    unsigned short *hashes;
    unsigned char *lengths;
    const char *qstrs[];
} qstr_pool_t;

typedef struct _mp_state_mem_area_t {
    struct _mp_state_mem_area_t *next;
    unsigned char *gc_alloc_table_start;
    word_t gc_alloc_table_byte_len;
    unsigned char *gc_pool_start, *gc_pool_end;
    #if SELECTIVE
    unsigned char *gc_collect_table_start;
    #endif
} mp_state_mem_area_t;

typedef struct _mp_state_ctx_t {
    struct {
        char *stack_top;
        mp_obj_dict_t *dict_locals, *dict_globals;
    } thread;
    struct {
        const qstr_pool_t *last_pool;
        mp_obj_dict_t dict_main;
        mp_obj_t lock, last;
        char *qstr_last_chunk;
    } vm;
    struct { mp_state_mem_area_t area; } mem;
} mp_state_ctx_t;

// The numbers of names.
enum { q_none, q_name, q_main, q_cache, q_node, q_tick, q_gen, q_next, q_Node };
#define QSTR(n) ((mp_obj_t)(word_t)((n) << 3 | 2))
#define INT(n) ((mp_obj_t)(word_t)((n) << 1 | 1))

static unsigned char lengths[] = { 0, 8, 8, 5, 4, 4, 3, 4, 4 };
const qstr_pool_t mp_qstr_const_pool = {
    0, 0, 9, 9, 0, lengths,
    { "", "__name__", "__main__", "cache", "node", "tick", "gen", "next", "Node" },
};

const mp_obj_type_t mp_type_type = { { &mp_type_type }, 0, q_none };
#define TYPE(which) const mp_obj_type_t mp_type_##which = { { &mp_type_type }, 0, q_none }
TYPE(dict);
TYPE(list);
TYPE(tuple);
TYPE(str);
TYPE(bytearray);
TYPE(float);
TYPE(cell);
TYPE(closure);
TYPE(bound_meth);
TYPE(fun_bc);
TYPE(gen_instance);

static const unsigned short names[] = { q_tick, q_gen };
static const unsigned char code[] = { 0, 0, 0, 1, 2, 3 };
extern mp_state_ctx_t mp_state_ctx;
static const mp_module_context_t context = { { { &mp_type_type }, &mp_state_ctx.vm.dict_main }, { names, 0 } };

// Blocks of four words. The first number is that of the block of the head.
#define BLOCKS 40
static void *pool[BLOCKS][4] = {
    // The globals: a table of six.
    [0] = { QSTR(q_name), QSTR(q_main), QSTR(q_cache), pool[4] },
    [1] = { QSTR(q_node), pool[14], QSTR(q_tick), pool[20] },
    [2] = { QSTR(q_gen), pool[22], QSTR(q_Node), pool[26] },
    // A list with a buffer, a text, a dict and a tuple.
    [4] = { (void *)&mp_type_list, (void *)4ul, (void *)4ul, pool[5] },
    [5] = { pool[6], pool[8], pool[10], pool[30] },
    [6] = { (void *)&mp_type_bytearray, (void *)1ul, (void *)20ul, pool[7] },
    [7] = { (void *)0x1234ul },
    [8] = { (void *)&mp_type_str, 0, (void *)6ul, pool[9] },
    [9] = { (void *)0x6e6562726f7374ul },
    [10] = { (void *)&mp_type_dict, (void *)(2ul << 3), (void *)3ul, pool[11] },
    [11] = { pool[8], pool[4], INT(5), pool[10] },
    [12] = { QSTR(q_next), pool[32] },
    // Two instances that hold one another.
    [14] = { pool[26], (void *)(1ul << 3), (void *)1ul, pool[15] },
    [15] = { QSTR(q_next), pool[16] },
    [16] = { pool[26], (void *)(1ul << 3), (void *)1ul, pool[17] },
    [17] = { QSTR(q_next), pool[14] },
    // A function with a default, a bound method, a closure and its cell.
    [18] = { (void *)&mp_type_fun_bc, (void *)&context, 0, (void *)code },
    [19] = { pool[16] },
    [20] = { (void *)&mp_type_bound_meth, pool[18], pool[14] },
    // A generator.
    [22] = { (void *)&mp_type_gen_instance, 0, pool[18], (void *)code },
    [23] = { pool[24], (void *)4ul, pool[20], pool[28] },
    [24] = { pool[30], INT(1) },
    // A class.
    [26] = { (void *)&mp_type_type, (void *)((word_t)q_Node << 16 | 2ul << 40), 0, pool[10] },
    [28] = { (void *)&mp_type_closure, pool[18], (void *)1ul, pool[29] },
    [29] = { (void *)&mp_type_cell, pool[28] },
    [30] = { (void *)&mp_type_tuple, (void *)2ul, pool[32], pool[33] },
    [32] = { (void *)&mp_type_float, (void *)0x3ff8000000000000ul },
    [33] = { pool[34] },
    [34] = { pool[33] },
    // Garbage.
    [36] = { (void *)&mp_type_list, (void *)1ul, (void *)1ul, pool[36] },
};

// Two bits for each block: free 0, head 1, tail 2.
#define HEADS(a, b, c, d) ((a) | (b) << 2 | (c) << 4 | (d) << 6)
static unsigned char table[BLOCKS / 4] = {
    HEADS(1, 2, 2, 0), HEADS(1, 1, 1, 1), HEADS(1, 1, 1, 1), HEADS(2, 0, 1, 1), HEADS(1, 1, 1, 2),
    HEADS(1, 0, 1, 2), HEADS(2, 0, 1, 2), HEADS(1, 1, 1, 0), HEADS(1, 1, 1, 0), HEADS(1, 0, 0, 0),
};

// Of CircuitPython: a bit for each block, which says whether a chunk is read. That of the list's
// items is not.
#if SELECTIVE
static unsigned char collect_table[BLOCKS / 8] = { 0xdf, 0xff, 0xff, 0xff, 0xff };
#define COLLECT_TABLE , collect_table
#else
#define COLLECT_TABLE
#endif

mp_state_ctx_t mp_state_ctx = {
    .thread = { 0, &mp_state_ctx.vm.dict_main, &mp_state_ctx.vm.dict_main },
    .vm = {
        &mp_qstr_const_pool,
        { { &mp_type_dict }, { 1, 0, 0, 6, 6, (mp_map_elem_t *)pool[0] } },
        pool[28],
    },
    .mem = { { 0, table, sizeof table, (unsigned char *)pool, (unsigned char *)pool[BLOCKS] COLLECT_TABLE } },
};
// Structures whose layout nothing else names.
mp_obj_list_t *list;
mp_obj_str_t *str;
mp_obj_array_t *array;
mp_obj_tuple_t *tuple;
mp_obj_cell_t *cell;
mp_obj_closure_t *closure;
mp_obj_bound_meth_t *bound_meth;
mp_obj_instance_t *instance;
mp_obj_float_t *number;
mp_obj_gen_instance_t *gen_instance;

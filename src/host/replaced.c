// Stands in for a C file whose functions are in the Rust carrier object.
typedef int mpgc_replaced_by_rust;

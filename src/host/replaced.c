// Replaces a C file whose functions are in the carrier, the object that holds all of mpgc.
typedef int mpgc_replaced_by_rust;

// A mutex counts how often it is held: there is one thread (seeds.c).
typedef int mp_thread_mutex_t;
typedef int mp_thread_recursive_mutex_t;

// From reset to main, and the functions that newlib requires; output and exit use qemu's
// semihosting.

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

extern char sdk_stack_top[], sdk_data_start[], sdk_data_end[], sdk_data_in_flash[], sdk_bss_start[], sdk_bss_end[];

int main(int argc, char **argv);
void sdk_reset(void);
void _exit(int status);

static void semihosting(uint32_t operation, uintptr_t argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = argument;
    __asm__ volatile ("bkpt #0xab" : "+r" (r0) : "r" (r1) : "memory");
}

int _write(int file, const char *text, int n) {
    (void)file;
    for (int i = 0; i < n; i++) {
        semihosting(3, (uintptr_t)&text[i]); // SYS_WRITEC
    }
    return n;
}

void _exit(int status) {
    semihosting(0x18, status == 0 ? 0x20026 : 0x20024); // SYS_EXIT
    for (;;) {
    }
}

void *_sbrk(int n) {
    static char heap[16 * 1024] __attribute__((aligned(8)));
    static char *end = heap;
    if (n > heap + sizeof(heap) - end) {
        errno = ENOMEM;
        return (void *)-1;
    }
    end += n;
    return end - n;
}

int _read(int file, char *to, int n) {
    (void)file;
    (void)to;
    (void)n;
    return 0;
}

int _close(int file) {
    (void)file;
    return -1;
}

int _lseek(int file, int at, int from) {
    (void)file;
    (void)at;
    (void)from;
    return 0;
}

int _fstat(int file, struct stat *to) {
    (void)file;
    to->st_mode = S_IFCHR;
    return 0;
}

int _isatty(int file) {
    (void)file;
    return 1;
}

int _getpid(void) {
    return 1;
}

int _kill(int process, int signal) {
    (void)process;
    _exit(signal);
    return -1;
}

void sdk_reset(void) {
    memcpy(sdk_data_start, sdk_data_in_flash, sdk_data_end - sdk_data_start);
    memset(sdk_bss_start, 0, sdk_bss_end - sdk_bss_start);
    static char *arguments[] = { "firmware", NULL };
    int status = main(1, arguments);
    // newlib's exit would run .fini, and only a flush is needed.
    fflush(NULL);
    _exit(status);
}

static void on_fault(void) {
    static const char said[] = "fault\n";
    _write(1, said, sizeof(said) - 1);
    _exit(1);
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))sdk_stack_top,
    sdk_reset,
    on_fault, // NMI
    on_fault, // HardFault
};

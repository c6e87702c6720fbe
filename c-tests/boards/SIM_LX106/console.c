// The qemu port's serial line: the emulator's own input and output.

#include <unistd.h>

#include "sim.h"
#include "uart.h"

void uart_init(void) {
}

int uart_rx_chr(void) {
    unsigned char c;
    int n = sim_call(SIM_READ, SIM_STDIN, &c, 1);
    if (n == 0) {
        // the input has ended
        sim_exit(0);
    }
    return n == 1 ? c : UART_RX_NO_CHAR;
}

void uart_tx_strn(const char *text, size_t n) {
    sim_call(SIM_WRITE, SIM_STDOUT, (char *)text, (int)n);
}

void _exit(int status) {
    sim_exit(status);
}

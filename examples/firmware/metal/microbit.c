// The BBC micro:bit: Cortex-M0 in an nRF51, 16 KB of RAM.

#include <stdint.h>

#include "board.h"

#define UART(offset) (*(volatile uint32_t *)(0x40002000 + (offset)))
#define START_TX UART(0x008)
#define TX_READY UART(0x11c)
#define ENABLE UART(0x500)
#define PIN_TX UART(0x50c)
#define TXD UART(0x51c)
#define BAUDRATE UART(0x524)

void board_init(void) {
    PIN_TX = 24;
    BAUDRATE = 0x01d7e000; // 115200
    ENABLE = 4;
    START_TX = 1;
}

void board_put(char c) {
    TX_READY = 0;
    TXD = (uint32_t)c;
    while (TX_READY == 0) {
    }
}

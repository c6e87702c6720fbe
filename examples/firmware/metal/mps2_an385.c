// Arm's MPS2 board with the image AN385: Cortex-M3. UART 0 is a CMSDK one.

#include <stdint.h>

#include "board.h"

#define UART(offset) (*(volatile uint32_t *)(0x40004000 + (offset)))
#define DATA UART(0x00)
#define STATE UART(0x04)
#define CTRL UART(0x08)
#define BAUDDIV UART(0x10)

void board_init(void) {
    BAUDDIV = 16;
    CTRL = 1; // send
}

void board_put(char c) {
    while (STATE & 1) { // the buffer is full
    }
    DATA = (uint32_t)c;
}

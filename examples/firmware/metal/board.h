// What differs between the boards: how a character is sent.

#ifndef BOARD_H
#define BOARD_H

void board_init(void);
void board_put(char c);

#endif

// The function that differs between the boards: it sends a character.

#ifndef BOARD_H
#define BOARD_H

void board_init(void);
void board_put(char c);

#endif

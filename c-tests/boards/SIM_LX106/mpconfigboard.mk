# The ESP8266's processor on qemu's machine `sim`, which none of the port's own boards has. What
# comes before main(), and what the chip has in its ROM, is c-tests/xtensa.
QEMU_ARCH = xtensa
QEMU_MACHINE = sim
QEMU_ARGS += -cpu lx106

CROSS_COMPILE ?= xtensa-lx106-elf-
# Debian's compiler for it looks elsewhere than the package of the C library has it.
PICOLIBC = --specs=/usr/lib/xtensa-lx106-elf/picolibc.specs

# The esp8266 port's.
CFLAGS += -mlongcalls -mtext-section-literals -mforce-l32 $(PICOLIBC)
CFLAGS += -DMP_CONFIGFILE='"sim_config.h"' -DMICROPY_HW_MCU_NAME='"lx106"'
INC += -I$(BOARD_DIR) -I$(BOARD_DIR)/../../xtensa

LDSCRIPT = $(BOARD_DIR)/../../xtensa/memory.ld
LDFLAGS += $(PICOLIBC) -nostartfiles -Wl,-z,noexecstack

MICROPY_HEAP_SIZE ?= 131072

vpath %.c $(BOARD_DIR)/../..
vpath %.S $(BOARD_DIR)/../..
SRC_BOARD_O = xtensa/start.o xtensa/sim.o xtensa/rom.o boards/SIM_LX106/console.o
SRC_BOARD_O += shared/runtime/gchelper_generic.o

MPY_CROSS_FLAGS += -march=xtensa

// A Raspberry Pi Pico in the emulator rp2040js; its USB serial line is the input and output here.
//
//     node board.mjs ROM FIRMWARE.bin
//
// ROM is an image of the boot ROM. The processor's time is counted in its own cycles: where it
// waits, time goes on at once.

import fs from 'node:fs';
import process from 'node:process';
import { Simulator, USBCDC, ConsoleLogger, LogLevel } from 'rp2040js';

// Instructions between two looks at the input.
const SLICE = 20000;

function stop(text, status) {
    process.stderr.write(text + '\n');
    process.exit(status);
}

const [, , rom, firmware] = process.argv;
const { rp2040, clock } = new Simulator();
rp2040.logger = new ConsoleLogger(LogLevel.Error);
const words = fs.readFileSync(rom);
rp2040.loadBootrom(new Uint32Array(words.buffer, words.byteOffset, words.length >> 2));
rp2040.flash.set(fs.readFileSync(firmware));
rp2040.onBreak = (code) => {
    const from = rp2040.core.LR.toString(16);
    stop(`breakpoint ${code}: something the boot ROM lacks was called from ${from}`, 3);
};
rp2040.peripherals[0x40058].onWatchdogTrigger = () => stop('the watchdog has reset the board', 4);

const cdc = new USBCDC(rp2040.usbCtrl);
const input = [];
let connected = false;
cdc.onDeviceConnected = () => { connected = true; };
cdc.onSerialData = (data) => { fs.writeSync(1, data); };
process.stdin.on('data', (data) => { input.push(...data); });
process.stdin.on('end', () => process.exit(0));

function run() {
    while (connected && input.length && !cdc.txFIFO.full) {
        cdc.sendSerialByte(input.shift());
    }
    const nanos = 1e9 / rp2040.clkSys;
    for (let i = 0; i < SLICE; i++) {
        if (rp2040.core.waiting) {
            clock.tick(clock.nanosToNextAlarm);
            i += SLICE / 20;
        } else {
            clock.tick(rp2040.core.executeInstruction() * nanos);
        }
    }
    setImmediate(run);
}
run();

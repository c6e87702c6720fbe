// No qstrs of its own.

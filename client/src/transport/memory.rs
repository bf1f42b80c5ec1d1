//! A network inside one process: for tests of everything above the transports.

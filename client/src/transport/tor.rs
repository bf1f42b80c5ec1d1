//! Tor, in this process, through arti.

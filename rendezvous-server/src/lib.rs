//! Chive's presence server.

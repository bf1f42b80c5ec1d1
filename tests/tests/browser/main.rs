//! The page in a real browser: what people do in it, and what others cannot do to them. Two nodes
//! run on the transport without Tor; the story with Tor is the demo's.

mod begin;
mod guarded;
mod hostile;
mod lasting;
mod present;
mod scene;
mod screens;
mod talking;
mod windows;

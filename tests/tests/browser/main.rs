//! The page in a real browser: what people do in it, and what others cannot do to them. Two nodes
//! run on the transport without Tor; the story with Tor is the demo's.

mod access;
mod conversation;
mod hostile;
mod onboarding;
mod present;
mod restarts;
mod scene;
mod screens;
mod windows;

// What events ask for: the names of the effects, and how each is made.

export const refreshStatus = { type: "refresh_status" };
export const refreshMessages = { type: "refresh_messages" };
export const refreshContact = (id) => ({ type: "refresh_contact", id });
export const refreshConversation = (id) => ({ type: "refresh_conversation", id });
export const announceMessage = (message) => ({ type: "announce_message", message });
export const saveNote = (key, text) => ({ type: "save_note", key, text });

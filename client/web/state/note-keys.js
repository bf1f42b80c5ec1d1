// The names of the page's notes, which the node keeps in the profile.

export const preferenceKey = (name) => `ui.${name}`;
export const alarmKey = (contact) => `ui.alarm.${contact}`;
export const onlineAlertKey = (contact) => `ui.wanted.${contact}`;

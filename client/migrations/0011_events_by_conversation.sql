-- Events about a conversation name it, as front-ends know it, not only the contact. About contacts that
-- are gone since, they say nothing that could still be acted on.

UPDATE event SET body = json_set(body, '$.conversation', (
    SELECT lower(hex(c.public_id)) FROM contact JOIN conversation c ON c.id = contact.conversation
    WHERE contact.peer_id = unhex(json_extract(body, '$.id'))
))
WHERE kind = 'other' AND json_extract(body, '$.type') IN ('messages_gone', 'conversation_restarted');
DELETE FROM event
WHERE kind = 'other' AND json_extract(body, '$.type') IN ('messages_gone', 'conversation_restarted')
    AND json_extract(body, '$.conversation') IS NULL;
UPDATE event SET body = json_remove(body, '$.id')
WHERE kind = 'other' AND json_extract(body, '$.type') = 'messages_gone';

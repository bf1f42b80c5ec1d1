-- People name contacts, and so conversations, by name.
CREATE INDEX contact_by_name ON contact (name);

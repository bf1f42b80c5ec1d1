-- Tables and columns are named after what they hold, in the words of the code.

ALTER TABLE note RENAME TO preference;
ALTER TABLE heard RENAME TO received_range;
ALTER TABLE asking RENAME TO contact_request;

ALTER TABLE service RENAME COLUMN door TO kind;
ALTER TABLE restart RENAME COLUMN question TO request;
ALTER TABLE answered RENAME COLUMN question TO request;

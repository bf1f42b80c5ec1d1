-- Reasons are kept as codes, where there were English sentences before.

-- The sentences, as patterns, and the codes that stand for them now. A parameter without a value
-- here is the number that stands in the sentence in place of the `*`.
CREATE TABLE sentence (
    pattern TEXT PRIMARY KEY,
    code TEXT NOT NULL,
    parameter TEXT,
    value TEXT
) STRICT;
INSERT INTO sentence (pattern, code) VALUES
    ('the invitation has been used: ask for another', 'invitation_used'),
    ('the invitation has expired: ask for another', 'invitation_expired'),
    ('the invitation was taken back by its owner', 'invitation_revoked'),
    ('its owner has you as a contact already, *', 'already_contact'),
    ('its owner''s client cannot use the request: *', 'request_unusable'),
    ('its owner said no', 'request_declined'),
    ('the owner of the invitation did not accept', 'request_refused'),
    ('who answers there is not whom the link names: *', 'wrong_peer'),
    ('it cannot be reached: the network is not ready', 'tor_not_ready'),
    ('it cannot be reached: the transport is closed', 'tor_stopped'),
    ('it cannot be reached: nobody answers there', 'server_unreachable'),
    ('it cannot be reached: no answer in time', 'server_timed_out'),
    ('it did not answer in time', 'server_timed_out'),
    ('the connection to it broke', 'server_hung_up'),
    ('it is closed: *', 'server_token_required'),
    ('it is full', 'server_full'),
    ('it is busy, or stopping', 'server_busy'),
    ('its clock and ours differ: *', 'server_clock'),
    ('it does not take what we sent: *', 'server_version'),
    ('it showed an older record after a newer one', 'server_older_record'),
    ('it showed two different records with one number', 'server_contradiction'),
    ('its board goes back in time', 'server_went_back'),
    ('it showed a record that its owner did not sign', 'server_forged_record'),
    ('its answer cannot be used: a request', 'server_request'),
    ('its answer cannot be used: a card', 'server_request'),
    ('its answer cannot be used: there is no memory*', 'server_request'),
    ('somebody else has this handle', 'handle_taken'),
    ('the handle is not ours', 'handle_not_ours'),
    ('there is nobody with this handle', 'handle_unknown'),
    ('it keeps no handles', 'handles_not_kept'),
    ('starting Tor', 'tor_starting'),
    ('Tor is stopped', 'tor_stopped'),
    ('connected to Tor', 'tor_connected'),
    ('connecting to the Tor network', 'tor_connecting'),
    ('the connection to the Tor network is lost; *', 'tor_lost'),
    ('this machine seems to be offline: *', 'tor_offline'),
    ('something between this machine and Tor filters the connection: *', 'tor_filtered'),
    ('no Tor relay answers: *', 'tor_no_relay'),
    ('this machine''s clock seems *', 'tor_clock'),
    ('the Tor directory cannot be downloaded: *', 'tor_directory'),
    ('Tor cannot use its files in the profile: *', 'tor_files');
INSERT INTO sentence (pattern, code, parameter) VALUES
    ('it asks for *', 'server_work', 'bits'),
    ('downloading the directory: *', 'tor_downloading', 'percent'),
    ('nothing has moved for *', 'tor_no_progress', 'seconds');
INSERT INTO sentence (pattern, code, parameter, value) VALUES
    ('its answer cannot be used: it is not the JSON *', 'server_answer', 'fault', 'not_json'),
    ('its answer cannot be used: it is too long', 'server_answer', 'fault', 'too_long'),
    ('its answer cannot be used: it is set up *', 'server_answer', 'fault', 'off_topic'),
    ('its answer cannot be used: it is another bucket', 'server_answer', 'fault', 'off_topic'),
    ('its answer cannot be used: a record of *', 'server_answer', 'fault', 'off_topic'),
    ('its answer cannot be used: an event of *', 'server_answer', 'fault', 'off_topic'),
    ('its answer cannot be used: an event is *', 'server_answer', 'fault', 'event'),
    ('its answer cannot be used: it is no claim', 'server_answer', 'fault', 'claim'),
    ('its answer cannot be used: the *', 'server_answer', 'fault', 'claim'),
    ('its answer cannot be used: it refuses every claim', 'server_answer', 'fault', 'insatiable'),
    ('its answer cannot be used: its price *', 'server_answer', 'fault', 'insatiable'),
    ('its board cannot be used: a board of *', 'server_answer', 'fault', 'board_version'),
    ('its board cannot be used: the board was cut', 'server_answer', 'fault', 'board_cut'),
    ('its board cannot be used: the board has *', 'server_answer', 'fault', 'board_too_long'),
    ('its board cannot be used: *', 'server_answer', 'fault', 'board_malformed');

-- What is kept anywhere, and what it becomes.
CREATE TABLE translated (said TEXT PRIMARY KEY, reason TEXT NOT NULL) STRICT;
INSERT INTO translated
    SELECT said, ifnull((
        SELECT CASE
            WHEN parameter IS NULL THEN json_object('code', code)
            WHEN value IS NULL THEN json_object(
                'code', code, parameter, CAST(substr(said, instr(pattern, '*')) AS INTEGER)
            )
            ELSE json_object('code', code, parameter, value)
        END
        FROM sentence WHERE said GLOB pattern ORDER BY length(pattern) DESC
    ), '{"code":"unknown"}')
    FROM (
        SELECT refusal AS said FROM contact
        UNION SELECT reason FROM handle
        UNION SELECT json_extract(body, '$.handle.reason') FROM event WHERE kind = 'other'
        UNION SELECT json_extract(body, '$.server.reason') FROM event WHERE kind = 'other'
        UNION SELECT json_extract(body, '$.tor.summary') FROM event WHERE kind = 'other'
        UNION SELECT json_extract(body, '$.tor.stalled') FROM event WHERE kind = 'other'
    )
    WHERE said IS NOT NULL;

UPDATE contact SET refusal = (SELECT reason FROM translated WHERE said = refusal)
    WHERE refusal IS NOT NULL;
UPDATE handle SET reason = (SELECT t.reason FROM translated AS t WHERE said = handle.reason)
    WHERE reason IS NOT NULL;
UPDATE event SET body = json_replace(
        body,
        '$.handle.reason', json((
            SELECT reason FROM translated
            WHERE said = json_extract(body, '$.handle.reason')
        )),
        '$.server.reason', json((
            SELECT reason FROM translated
            WHERE said = json_extract(body, '$.server.reason')
        )),
        '$.tor.summary', json((
            SELECT reason FROM translated
            WHERE said = json_extract(body, '$.tor.summary')
        )),
        '$.tor.stalled', json((
            SELECT reason FROM translated
            WHERE said = json_extract(body, '$.tor.stalled')
        ))
    )
    WHERE kind = 'other' AND json_extract(body, '$.type') IN ('handle', 'server', 'tor');
DROP TABLE translated;
DROP TABLE sentence;

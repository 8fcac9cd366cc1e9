-- Who may call what. The inner functions are nobody's but their role's.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA erasure FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erasure.request_subject(uuid, text, text), erasure.request_municipality(text, text, text),
    erasure.approve(integer, uuid), erasure.forget_rows(uuid, integer, integer[]), erasure.file_is_gone(integer),
    erasure.register_again(uuid, text, text) TO tracker_eraser;
GRANT EXECUTE ON FUNCTION erasure.replay_subject(uuid, bytea[], text[], integer, text, text, text, text),
    erasure.replay_municipality(uuid, text, text, text, text, text) TO tracker_owner;

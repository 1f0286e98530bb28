-- Whoever waits for events or jobs in another process is told with the commit. Nothing is said of what
-- it was: they look.
CREATE FUNCTION tell_others() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY audiotricks;
    RETURN NULL;
END $$;
CREATE TRIGGER events_told AFTER INSERT ON events
FOR EACH STATEMENT EXECUTE FUNCTION tell_others();
CREATE TRIGGER processing_jobs_told AFTER INSERT ON processing_jobs
FOR EACH STATEMENT EXECUTE FUNCTION tell_others();

SELECT pg_notify(:channel, message)
FROM unnest(:messages::text[]) AS message;

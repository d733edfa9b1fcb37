-- Who sent a message: a worker that starts asks whose readings were of use before.

ALTER TABLE receipt ADD COLUMN sender text;

COMMENT ON COLUMN receipt.sender IS 'The client whose API key was verified, or the vendor; null before receipts named it.';

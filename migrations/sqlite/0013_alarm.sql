-- Digests that stop themselves when too much of them comes back.

-- Why it did (JSON): what there was too much of, and of how many letters. Once a digest.
ALTER TABLE digest ADD COLUMN alarm TEXT;

-- Only a CHECK of `letter` changes, nothing that is stored: one more purpose.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''review''', '''review'', ''alarm''')
WHERE type = 'table' AND name = 'letter';
PRAGMA writable_schema = RESET;

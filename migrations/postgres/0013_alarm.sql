-- Digests that stop themselves when too much of them comes back.

-- Why it did (JSON): what there was too much of, and of how many letters. Once a digest.
ALTER TABLE digest ADD COLUMN alarm TEXT;

-- One more purpose.
ALTER TABLE letter DROP CONSTRAINT letter_purpose_check;
ALTER TABLE letter ADD CONSTRAINT letter_purpose_check CHECK (purpose IN
  ('digest', 'confirm', 'welcome', 'link', 'goodbye', 'review', 'alarm', 'address', 'erasure'));

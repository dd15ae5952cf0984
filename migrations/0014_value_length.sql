-- The length of a value that is in its log row alone, so that an answer can be measured without a search in
-- the log for each key. NULL where the value is in this row, or was written before this column was here.
ALTER TABLE current ADD COLUMN value_length INTEGER;

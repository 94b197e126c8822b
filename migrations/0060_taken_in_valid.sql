ALTER TABLE taken_in
    VALIDATE CONSTRAINT taken_in_from_transfers_within,
    VALIDATE CONSTRAINT taken_in_borne_whole,
    VALIDATE CONSTRAINT taken_in_from_what_it_is;

"""Files of the source units come in here, are checked row by row against the catalogue, and land sealed."""

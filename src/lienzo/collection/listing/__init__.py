"""What there is: folders, archives, tables and URLs become entries, each one file and its labels."""

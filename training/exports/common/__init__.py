"""What the readers of exports share: files, zips, encodings, streams of JSON and CSV, and the Record they yield."""

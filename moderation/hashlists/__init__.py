"""Hash lists: import and export them, check files against them, and review their entries.

* `rows`: one line of a hash list in any format, with validation
* `kinds`: the kinds of hashes in feeds, and which of them uploads are compared with
* `row_reader`: the rows of a file one by one, with those that are left out or wrong
* `masking`: hides hashes in messages
* `as_csv`, `threatexchange`: the two formats, read and written
* `importing`, `exporting`: a list's entries, from and to a file
* `entry_reviews`: confirming and contesting an entry
* `file_check`: which lists match a file, without storing anything
* `counts`: the size and recent matches of lists
"""

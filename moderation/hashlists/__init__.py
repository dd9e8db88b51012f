"""Hash lists: import and export them, check files against them, and review their entries.

* `rows`: one line of a hash list in any format, with validation
* `as_csv`, `threatexchange`: the two formats, read and written
* `importing`, `exporting`: a list's entries, from and to a file
* `entry_reviews`: confirming and contesting an entry
* `file_check`: which lists match a file, without storing anything
* `counts`: the size and recent matches of lists
"""

"""Hash lists: bringing them in and out, and asking them about files.

``rows`` is what one line of any format says; ``as_csv`` and ``threatexchange`` read and write it; ``importing`` brings
it into a list, ``exporting`` out again; ``asking`` says which lists know a file.
"""

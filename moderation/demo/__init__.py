"""The demo: some 200 uploads made by code from the few harmless photos in ``demo/``.

The same photos, count and seed give the same bytes with the same Pillow. Each kind lies in a folder of its
own, and a file's name says what was done to which photo: ``crop/cat-crop-3.jpg``.
"""

from moderation.demo.pictures import NoPhotos, make_images

__all__ = ["NoPhotos", "make_images"]

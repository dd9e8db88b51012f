from django.urls import path

from reviewqueue.hash_lists import entries, views

urlpatterns = [
    path("hash-lists/", views.hash_lists, name="hash_lists"),
    path("hash-lists/new/", views.create, name="hash_list_create"),
    path("hash-lists/matches/<int:pk>/judge/", entries.review_match, name="hash_match_judge"),
    path("hash-lists/<int:pk>/", views.hash_list, name="hash_list"),
    path("hash-lists/<int:pk>/switch/", views.switch, name="hash_list_switch"),
    path("hash-lists/<int:pk>/import/", views.import_file, name="hash_list_import"),
    path("hash-lists/<int:pk>/export/<str:written_as>/", views.export, name="hash_list_export"),
    path("hash-lists/<int:list_pk>/entries/<int:pk>/", entries.hash_entry, name="hash_entry"),
    path("hash-lists/<int:list_pk>/entries/<int:pk>/switch/", entries.switch, name="hash_entry_switch"),
    path("hash-lists/<int:list_pk>/entries/<int:pk>/judge/", entries.review, name="hash_entry_judge"),
]

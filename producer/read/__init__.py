"""GET and search routes for deliveries and requests.

routes.py holds the routes. search_filters.py builds the queries and limits them to what the caller may see.
pagination.py and cursor.py handle pages. log_items.py and request_summaries.py build the items of a response,
shown_text.py shortens their texts, and places.py bounds how many calls read texts at the same time.
"""

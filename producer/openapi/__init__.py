"""The OpenAPI document: document.py builds it, with the examples of examples.py and the links of links.py."""

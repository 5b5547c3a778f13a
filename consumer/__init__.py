"""The service that expands requests, delivers them and reports."""

"""Reasons why an address is not valid. They never contain the address."""

from enum import StrEnum


class AddressProblem(StrEnum):
    """Reason why an address is not valid, as the error of the delivery shows it."""

    TOO_LONG = "the address is too long"
    CONTROL_CHARACTER = "the address has a line break or another control character"
    RIGHT_TO_LEFT = "the address has a character that reverses the text behind it"
    # of phone numbers
    NO_DIGIT = "the address has no digit"
    LETTERS = "the address has letters"
    EXPONENT = "the address has an exponent, as spreadsheets and programs write large numbers"
    FRACTION = "the address has a decimal fraction"
    DATE = "the address has a date, as spreadsheets make of some numbers"
    TWO_NUMBERS = "the address has two numbers, or a range of numbers"
    OTHER_CHARACTER = "the address has a character that is not part of a phone number"
    TOO_MANY_DIGITS = "the address has two numbers, or more digits than one number has"
    WRONG_PLACE = "the address has a plus, a parenthesis or a separator in a wrong place"
    NO_REGION = "the address has no country: it is written without + and no region is given"
    AMBIGUOUS = "the address may mean two different numbers: write it with + and the calling code"
    NOT_IN_USE = "the address is not a valid number of its country"
    # of e-mail addresses
    NO_AT_SIGN = "the address has no @"
    TWO_ADDRESSES = "the address has two addresses, or more than one @"
    NAME_OR_QUOTES = "the address has a name, a comment, quotes, brackets or mailto: around it"
    SPACE = "the address has a space"
    INVISIBLE_CHARACTER = "the address has an invisible character"
    ENCODED_CHARACTER = "the address has a character that is encoded for a link, such as a blank or a plus"
    REPLACED_CHARACTER = "the address has a character that is often replaced by another, such as one of full width"
    NOT_AN_EMAIL = "the address is not a valid e-mail address"
    UNREACHABLE_DOMAIN = "the address has a domain that cannot receive e-mail from the Internet"

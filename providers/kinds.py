"""Table of the kinds of providers. Settings, registry and documents read it."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from providers.entries import ProviderEntry
from providers.http import HttpEntry, HttpProvider
from providers.network import Network
from providers.provider import Provider
from providers.simulator import SimulatorEntry, SimulatorProvider
from providers.smtp import SmtpEntry, SmtpProvider
from providers.vendors.aliyun import AliyunEntry, AliyunProvider
from providers.vendors.mailgun import MailgunEntry, MailgunProvider
from providers.vendors.sendgrid import SendgridEntry, SendgridProvider
from providers.vendors.ses import SesEntry, SesProvider
from providers.vendors.tencent import TencentEntry, TencentProvider
from providers.vendors.twilio import TwilioEntry, TwilioProvider
from providers.vendors.vonage import VonageEntry, VonageProvider

_Entry = TypeVar("_Entry", bound=ProviderEntry)


class ProviderKind(NamedTuple):
    """Model of a kind's entry in the settings, and the class that is built from it."""

    entry: type[ProviderEntry]
    build: Callable[[Any, Network | None], Provider]


def _kind(entry: type[_Entry], build: Callable[[_Entry, Network | None], Provider]) -> ProviderKind:
    """Return a kind. The type checker compares its entry and its class here."""
    return ProviderKind(entry, build)


KINDS = {
    "simulator": _kind(SimulatorEntry, SimulatorProvider),
    "http": _kind(HttpEntry, HttpProvider),
    "smtp": _kind(SmtpEntry, SmtpProvider),
    "aliyun": _kind(AliyunEntry, AliyunProvider),
    "tencent": _kind(TencentEntry, TencentProvider),
    "twilio": _kind(TwilioEntry, TwilioProvider),
    "vonage": _kind(VonageEntry, VonageProvider),
    "ses": _kind(SesEntry, SesProvider),
    "sendgrid": _kind(SendgridEntry, SendgridProvider),
    "mailgun": _kind(MailgunEntry, MailgunProvider),
}
"""Kinds by their `kind` in the settings, in the order of docs/settings.md."""

"""Sentences of the unsubscribe page, by language. A language is added here alone."""

# ruff: noqa: RUF001  # other languages have their own signs

from typing import NamedTuple


class Sentences(NamedTuple):
    """Sentences of one language. None of them shows an address."""

    title: str
    question: str
    button: str
    done_title: str
    done: str
    invalid_title: str
    invalid: str
    later_title: str
    later: str


ENGLISH = Sentences(
    title="Unsubscribe",
    question="Do you want to stop receiving marketing messages of this kind?",
    button="Unsubscribe",
    done_title="You are unsubscribed",
    done="You will receive no more marketing messages of this kind. One that is already on its way may still arrive.",
    invalid_title="This link is not valid",
    invalid="It is not complete, or it has expired. Please use the link of a newer message.",
    later_title="This did not work",
    later="Please try again in a few minutes.",
)

SENTENCES: dict[str, Sentences] = {
    "en": ENGLISH,
    "de": Sentences(
        title="Abmelden",
        question="Möchten Sie keine Werbenachrichten dieser Art mehr erhalten?",
        button="Abmelden",
        done_title="Sie sind abgemeldet",
        done="Sie erhalten keine Werbenachrichten dieser Art mehr. Eine, die schon unterwegs ist, kann noch ankommen.",
        invalid_title="Dieser Link ist nicht gültig",
        invalid="Er ist nicht vollständig oder abgelaufen. Bitte benutzen Sie den Link einer neueren Nachricht.",
        later_title="Das hat nicht funktioniert",
        later="Bitte versuchen Sie es in einigen Minuten noch einmal.",
    ),
    "fr": Sentences(
        title="Se désabonner",
        question="Voulez-vous ne plus recevoir de messages publicitaires de ce type ?",
        button="Se désabonner",
        done_title="Vous êtes désabonné",
        done="Vous ne recevrez plus de messages publicitaires de ce type. Un message déjà envoyé peut encore arriver.",
        invalid_title="Ce lien n’est pas valide",
        invalid="Il est incomplet ou il a expiré. Veuillez utiliser le lien d’un message plus récent.",
        later_title="L’opération a échoué",
        later="Veuillez réessayer dans quelques minutes.",
    ),
    "es": Sentences(
        title="Darse de baja",
        question="¿Quiere dejar de recibir mensajes publicitarios de este tipo?",
        button="Darse de baja",
        done_title="Se ha dado de baja",
        done="Ya no recibirá mensajes publicitarios de este tipo. Aún puede llegar alguno ya enviado.",
        invalid_title="Este enlace no es válido",
        invalid="Está incompleto o ha caducado. Utilice el enlace de un mensaje más reciente.",
        later_title="No ha funcionado",
        later="Inténtelo de nuevo dentro de unos minutos.",
    ),
    "zh": Sentences(
        title="退订",
        question="您不想再收到此类营销消息吗？",
        button="退订",
        done_title="您已退订",
        done="您将不再收到此类营销消息。已经发出的消息可能仍会送达。",
        invalid_title="此链接无效",
        invalid="链接不完整或已过期。请使用较新消息中的链接。",
        later_title="操作未成功",
        later="请过几分钟再试。",
    ),
}
"""Languages by their two letters (ISO 639-1)."""

"""Complaints with their language and their type, for whatever looks for words."""

from __future__ import annotations

COMPLAINTS = [
    ("en", "delivery", "My desk was promised for Monday and still has not arrived."),
    ("en", "product_quality", "The kettle stopped working after two days."),
    ("en", "customer_service", "Your agent was rude and hung up on me."),
    ("en", "billing_invoice", "I was charged twice for the same order in June."),
    ("en", "returns_refunds", "I sent it back a month ago, where is my refund?"),
    ("en", "discount_pricing", "The discount code was not applied to my basket."),
    ("nb", "delivery", "Pakken skulle vært her mandag, men den har ikke kommet."),
    ("nb", "product_quality", "Kaffetrakteren er ødelagt etter to dager."),
    ("nb", "customer_service", "Jeg har ringt fem ganger og ingen svarer."),
    ("nb", "billing_invoice", "Jeg ble trukket to ganger for samme faktura."),
    ("nn", "delivery", "Pakka har ikkje kome, og eg har venta i tre veker."),
    ("nn", "product_quality", "Omnen verkar ikkje, og han er øydelagd alt no."),
    ("fi", "delivery", "Paketti ei ole saapunut, vaikka se luvattiin maanantaiksi."),
    ("fi", "product_quality", "Kahvinkeitin hajosi kahden päivän jälkeen."),
    ("fi", "customer_service", "Olen soittanut viisi kertaa eikä kukaan vastaa."),
    ("fi", "billing_invoice", "Minulta veloitettiin kahdesti samasta laskusta."),
    ("sv", "product_quality", "Kaffebryggaren är trasig efter två dagar."),
    ("da", "product_quality", "Kaffemaskinen er gået i stykker efter to dage."),
    ("de", "product_quality", "Die Kaffeemaschine ist nach zwei Tagen kaputt."),
]

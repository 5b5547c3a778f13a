"""Template that a vendor knows under a code of its own, because it takes no free text.

Aliyun takes a sign name, a template code and the parameters by name
(https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms). Tencent Cloud takes them in order
(https://www.tencentcloud.com/document/product/382/40536).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class VendorTemplate:
    """Template of a vendor that says the same as a stored template. It has no values, and its repr shows no text."""

    template_code: str
    """Code under which the vendor knows the template, of 1 to 64 characters."""
    sign_name: str = field(default="", repr=False)
    """Name of the sender that the vendor puts before the text, of 0 to 64 characters. Empty: the vendor decides."""
    parameter_order: tuple[str, ...] = ()
    """Names of the variables that the vendor fills in, in the order of its template."""


VendorTemplates = Mapping[str, VendorTemplate]
"""Vendor templates of a stored template, by the name of the provider."""
NO_VENDOR_TEMPLATES: VendorTemplates = MappingProxyType({})
"""Vendor templates of a text that only providers with free text can send."""

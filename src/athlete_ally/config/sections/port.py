"""What a port may be; 0 takes a free one."""

from typing import Annotated

from pydantic import Field

Port = Annotated[int, Field(ge=0, le=65535)]

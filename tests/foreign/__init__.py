"""Other people's servers as upstreams. They are no dependency of ours, and their checks no part of
`make test`: docs/compatibility.md says what was run and seen."""

"""The HTTP edge: decode, authorise, call the core, encode. It decides nothing about money.

app         puts everything together: routes, middleware, what starts and ends with the server
middleware  what happens to every request: its id, limits, headers, the last net for mistakes
arrival     what is known of a request from its first moment on
problems    the one table from a code to its status and words; problems as answers
kinds       what is said of each kind of problem, one module per noun
strict      JSON and its shapes, read without guessing
fields      the types of members and parameters, with their limits and examples
edge        what all requests share: database, coalescer, clock, signer
identity    who calls, and in which organization
call        one request to the API, as an endpoint sees it
paying      take a payment through a provider: commit, call, resolve
provider_calls  the threads on which providers are called
direct      the route of every operation: admit, decode, call
documented  what OpenAPI says of an operation's answers
openapi     the whole OpenAPI document
pages       the few pages for people: `/`, `/docs`, the pages of problems
health      is the process alive, can it work
asgi        the application under the name that servers look for
api         our own /v1, one module per noun
"""

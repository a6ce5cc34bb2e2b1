// Starts the interactive documentation. A file of its own: the page allows no inline script.
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function followLight() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

followLight();
dark.addEventListener("change", followLight);

window.addEventListener("load", () => {
  window.SwaggerUIBundle({
    url: "openapi.json",
    dom_id: "#api",
    deepLinking: true,
    persistAuthorization: true,
    tryItOutEnabled: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
  });
});

"""The page-builder fields of the contract: deprecated there, stored here as given, and otherwise unused."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from easel.schemas import Line, LongText, Name, Part, Text, Tree, Whole


class StatItem(Part):
    """A number with its label, in a block of the page."""

    label: Text
    value: Text


class SectionConfig(Part):
    """A block of an app's page."""

    section_id: Text | None = None
    type: Text
    props: dict[Name, Tree] | None = Field(default=None, max_length=1_000)
    order: Whole | None = None


class HeroConfig(Part):
    """The block at the top of an app's page."""

    headline: Text
    subheadline: Text | None = None
    background_type: Literal["image", "video", "gradient", "solid"] | None = "solid"
    background_url: Text | None = None
    background_color: Text | None = None
    text_color: Text | None = "#FFFFFF"
    logo_url: Text | None = None
    height: Text | None = "420px"
    cta_label: Text | None = None
    cta_url: Text | None = None


class ThemeConfig(Part):
    """The colours and shapes of an app's page."""

    primary_color: Text | None = "#007AFF"
    secondary_color: Text | None = None
    font_family: Text | None = "system-ui, -apple-system, sans-serif"
    background_color: Text | None = "#FFFFFF"
    text_color: Text | None = "#374151"
    heading_font_family: Text | None = None
    surface_color: Text | None = None
    muted_color: Text | None = None
    border_color: Text | None = None
    border_radius: Text | None = "12px"
    card_style: Text | None = "elevated"
    card_hover_effect: Text | None = "lift"


class StructuredDataConfig(Part):
    """Structured data for search engines."""

    type: Text | None = "WebApplication"


class SEOConfig(Part):
    """Content for search engines and link previews."""

    meta_title: Text | None = None
    meta_description: Text | None = None
    keywords: list[Text] | None = Field(default=None, max_length=1_000)
    og_image_url: Text | None = None
    og_image_alt: Text | None = None
    og_type: Text | None = "website"
    twitter_card: Text | None = "summary_large_image"
    twitter_site: Text | None = "@mixpeek"
    twitter_creator: Text | None = None
    robots: Text | None = "index, follow"
    canonical_url: Text | None = None
    site_name: Text | None = "Mixpeek"
    author: Text | None = None
    locale: Text | None = "en_US"
    logo_url: Text | None = None
    favicon_url: Text | None = None
    structured_data: StructuredDataConfig | None = None


class LayoutConfig(Part):
    """The layout of search results on an app's page."""

    mode: Text | None = "grid"
    columns: Whole | None = 3
    gap: Text | None = "16px"
    full_width: bool | None = False


class FieldFormatOptions(Part):
    """Details of the display of one field of a search result."""

    label: Text | None = None
    show_empty: bool | None = True
    truncate_chars: Whole | None = None
    width: Whole | None = None
    height: Whole | None = None
    lazy_load: bool | None = True
    aspect_ratio: Text | None = None
    object_fit: Text | None = "cover"
    date_format: Text | None = "relative"
    decimals: Whole | None = None
    prefix: Text | None = None
    suffix: Text | None = None
    open_in_new_tab: bool | None = True
    show_domain: bool | None = False
    true_label: Text | None = "Yes"
    false_label: Text | None = "No"
    separator: Text | None = ", "
    max_items: Whole | None = None


FieldFormatType = Literal["text", "image", "date", "number", "url", "boolean", "array", "object"]


class FieldConfig(Part):
    """The display of one field of a search result."""

    format: FieldFormatType
    format_options: FieldFormatOptions | None = None


class ResultCardProperties(Part):
    """The display of one search result."""

    layout: Text | None = "vertical"
    show_thumbnail: bool | None = True
    thumbnail_aspect_ratio: Text | None = "16/9"
    thumbnail_fit: Text | None = "cover"
    show_score: bool | None = False
    truncate_title: Whole | None = None
    truncate_description: Whole | None = None
    field_order: list[Text] | None = Field(default=None, max_length=1_000)
    show_find_similar: bool | None = False
    card_click_action: Text | None = "viewDetails"
    thumbnail_field: Text | None = None
    title_field: Text | None = None
    card_fields: list[Text] | None = Field(default=None, max_length=1_000)
    modal_fields: list[Text] | None = Field(default=None, max_length=1_000)
    card_style: Text | None = "default"


class ComponentsConfig(Part):
    """The parts of an app's page that are visible."""

    show_hero: bool | None = True
    show_search: bool | None = True
    show_filters: bool | None = False
    show_results_header: bool | None = True
    result_layout: Text | None = "grid"
    result_card: ResultCardProperties | None = None


class CustomCTA(Part):
    """A button on an app's page that opens a text."""

    label: Line = Field(min_length=1, max_length=50)
    markdown_content: Line = Field(min_length=1, max_length=50000)


class ExternalLink(Part):
    """A link from an app's page to another site."""

    name: Line = Field(min_length=1, max_length=100)
    url: Line = Field(min_length=1, max_length=2048)


class MarkdownContent(Part):
    """A text in Markdown, with a title."""

    title: Line = Field(min_length=1, max_length=200)
    content: Line = Field(min_length=1, max_length=50000)


RetrieverInputSchemaFieldType = Literal[
    "string",
    "number",
    "integer",
    "float",
    "boolean",
    "object",
    "array",
    "date",
    "datetime",
    "text",
    "image",
    "audio",
    "video",
    "pdf",
    "excel",
    "document_reference",
]


class RetrieverInputSchemaField(Part):
    """The type of one input of a search."""

    type: RetrieverInputSchemaFieldType
    default: Tree | None = None
    items: RetrieverInputSchemaField | None = None
    properties: dict[Name, RetrieverInputSchemaField] | None = Field(default=None, max_length=1_000)
    examples: list[Tree] | None = Field(default=None, max_length=1_000)
    description: Text | None = None
    enum: list[Tree] | None = Field(default=None, max_length=1_000)
    required: bool | None = False


class InputRenderingConfig(Part):
    """The display of one input of a search."""

    field_name: Text
    field_schema: RetrieverInputSchemaField
    input_type: Text | None = "text"
    label: Text
    placeholder: Text | None = None
    helper_text: Text | None = None
    suggestions: list[Text] | None = Field(default=None, max_length=1_000)
    required: bool | None = True
    order: Whole | None = 0


class DisplayConfig(Part):
    """The display of one tab of an app's page."""

    title: Text
    description: Text | None = None
    logo_url: Text | None = None
    icon_base64: LongText | None = None
    seo: SEOConfig | None = None
    markdowns: list[MarkdownContent] | None = Field(default=None, max_length=1_000)
    theme: ThemeConfig | None = None
    inputs: list[InputRenderingConfig] = Field(max_length=1_000)
    layout: LayoutConfig | None = None
    exposed_fields: list[Text] = Field(min_length=1, max_length=1_000)
    components: ComponentsConfig | None = None
    field_config: dict[Name, FieldConfig] | None = Field(default=None, max_length=1_000)
    custom_cta: CustomCTA | None = None
    external_links: list[ExternalLink] | None = Field(default=None, max_length=1_000)
    template_type: Text | None = None
    field_mappings: dict[Name, Text] | None = Field(default=None, max_length=1_000)
    extensions: dict[Name, Tree] | None = Field(default=None, max_length=1_000)
    retriever_config: dict[Name, Tree] | None = Field(default=None, max_length=1_000)


class PageTabInput(Part):
    """One tab of an app's page, in a request."""

    tab_id: Text
    label: Text
    retriever_id: Text | None = None
    public_name: Text | None = None
    description: Text | None = None
    display_config: DisplayConfig


class FeaturedGalleryConfigInput(Part):
    """A gallery that an app's page shows before the first search, in a request."""

    enabled: bool | None = True
    title: Text | None = "Featured"
    retriever_id: Text | None = None
    public_name: Text | None = None
    default_inputs: dict[Name, Tree] | None = Field(default=None, max_length=1_000)
    layout: LayoutConfig | None = None
    field_config: dict[Name, FieldConfig] | None = Field(default=None, max_length=1_000)


class PageTabOutput(PageTabInput):
    """One tab of an app's page, in a response, as it was given in the request."""


class FeaturedGalleryConfigOutput(FeaturedGalleryConfigInput):
    """The gallery before the first search, in a response, as it was given in the request."""

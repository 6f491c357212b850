"""The contract's models of this domain."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from easel.schemas import Part, Text, Tree


class StatItem(Part):
    """The contract's stat item."""

    label: Text
    value: Text


class SectionConfig(Part):
    """The contract's section config."""

    section_id: Text | None = None
    type: Text
    props: dict[Text, Tree] | None = None
    order: int | None = None


class HeroConfig(Part):
    """The contract's hero config."""

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
    """The contract's theme config."""

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
    """The contract's structured data config."""

    type: Text | None = "WebApplication"


class SEOConfig(Part):
    """The contract's seoconfig."""

    meta_title: Text | None = None
    meta_description: Text | None = None
    keywords: list[Text] | None = None
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
    """The contract's layout config."""

    mode: Text | None = "grid"
    columns: int | None = 3
    gap: Text | None = "16px"
    full_width: bool | None = False


class FieldFormatOptions(Part):
    """The contract's field format options."""

    label: Text | None = None
    show_empty: bool | None = True
    truncate_chars: int | None = None
    width: int | None = None
    height: int | None = None
    lazy_load: bool | None = True
    aspect_ratio: Text | None = None
    object_fit: Text | None = "cover"
    date_format: Text | None = "relative"
    decimals: int | None = None
    prefix: Text | None = None
    suffix: Text | None = None
    open_in_new_tab: bool | None = True
    show_domain: bool | None = False
    true_label: Text | None = "Yes"
    false_label: Text | None = "No"
    separator: Text | None = ", "
    max_items: int | None = None


FieldFormatType = Literal["text", "image", "date", "number", "url", "boolean", "array", "object"]


class FieldConfig(Part):
    """The contract's field config."""

    format: FieldFormatType
    format_options: FieldFormatOptions | None = None


class ResultCardProperties(Part):
    """The contract's result card properties."""

    layout: Text | None = "vertical"
    show_thumbnail: bool | None = True
    thumbnail_aspect_ratio: Text | None = "16/9"
    thumbnail_fit: Text | None = "cover"
    show_score: bool | None = False
    truncate_title: int | None = None
    truncate_description: int | None = None
    field_order: list[Text] | None = None
    show_find_similar: bool | None = False
    card_click_action: Text | None = "viewDetails"
    thumbnail_field: Text | None = None
    title_field: Text | None = None
    card_fields: list[Text] | None = None
    modal_fields: list[Text] | None = None
    card_style: Text | None = "default"


class ComponentsConfig(Part):
    """The contract's components config."""

    show_hero: bool | None = True
    show_search: bool | None = True
    show_filters: bool | None = False
    show_results_header: bool | None = True
    result_layout: Text | None = "grid"
    result_card: ResultCardProperties | None = None


class CustomCTA(Part):
    """The contract's custom cta."""

    label: Text = Field(min_length=1, max_length=50)
    markdown_content: Text = Field(min_length=1, max_length=50000)


class ExternalLink(Part):
    """The contract's external link."""

    name: Text = Field(min_length=1, max_length=100)
    url: Text = Field(min_length=1, max_length=2048)


class MarkdownContent(Part):
    """The contract's markdown content."""

    title: Text = Field(min_length=1, max_length=200)
    content: Text = Field(min_length=1, max_length=50000)


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


class RetrieverInputSchemaFieldOutput(Part):
    """The contract's retriever input schema field output."""

    type: RetrieverInputSchemaFieldType
    default: Tree | None = None
    items: RetrieverInputSchemaFieldOutput | None = None
    properties: dict[Text, RetrieverInputSchemaFieldOutput] | None = None
    examples: list[Tree] | None = None
    description: Text | None = None
    enum: list[Tree] | None = None
    required: bool | None = False


class RetrieverInputSchemaFieldInput(Part):
    """The contract's retriever input schema field input."""

    type: RetrieverInputSchemaFieldType
    default: Tree | None = None
    items: RetrieverInputSchemaFieldInput | None = None
    properties: dict[Text, RetrieverInputSchemaFieldInput] | None = None
    examples: list[Tree] | None = None
    description: Text | None = None
    enum: list[Tree] | None = None
    required: bool | None = False


class InputRenderingConfigOutput(Part):
    """The contract's input rendering config output."""

    field_name: Text
    field_schema: RetrieverInputSchemaFieldOutput
    input_type: Text | None = "text"
    label: Text
    placeholder: Text | None = None
    helper_text: Text | None = None
    suggestions: list[Text] | None = None
    required: bool | None = True
    order: int | None = 0


class InputRenderingConfigInput(Part):
    """The contract's input rendering config input."""

    field_name: Text
    field_schema: RetrieverInputSchemaFieldInput
    input_type: Text | None = "text"
    label: Text
    placeholder: Text | None = None
    helper_text: Text | None = None
    suggestions: list[Text] | None = None
    required: bool | None = True
    order: int | None = 0


class DisplayConfigOutput(Part):
    """The contract's display config output."""

    title: Text
    description: Text | None = None
    logo_url: Text | None = None
    icon_base64: Text | None = None
    seo: SEOConfig | None = None
    markdowns: list[MarkdownContent] | None = None
    theme: ThemeConfig | None = None
    inputs: list[InputRenderingConfigOutput]
    layout: LayoutConfig | None = None
    exposed_fields: list[Text] = Field(min_length=1)
    components: ComponentsConfig | None = None
    field_config: dict[Text, FieldConfig] | None = None
    custom_cta: CustomCTA | None = None
    external_links: list[ExternalLink] | None = None
    template_type: Text | None = None
    field_mappings: dict[Text, Text] | None = None
    extensions: dict[Text, Tree] | None = None
    retriever_config: dict[Text, Tree] | None = None


class DisplayConfigInput(Part):
    """The contract's display config input."""

    title: Text
    description: Text | None = None
    logo_url: Text | None = None
    icon_base64: Text | None = None
    seo: SEOConfig | None = None
    markdowns: list[MarkdownContent] | None = None
    theme: ThemeConfig | None = None
    inputs: list[InputRenderingConfigInput]
    layout: LayoutConfig | None = None
    exposed_fields: list[Text] = Field(min_length=1)
    components: ComponentsConfig | None = None
    field_config: dict[Text, FieldConfig] | None = None
    custom_cta: CustomCTA | None = None
    external_links: list[ExternalLink] | None = None
    template_type: Text | None = None
    field_mappings: dict[Text, Text] | None = None
    extensions: dict[Text, Tree] | None = None
    retriever_config: dict[Text, Tree] | None = None


class PageTabOutput(Part):
    """The contract's page tab output."""

    tab_id: Text
    label: Text
    retriever_id: Text | None = None
    public_name: Text | None = None
    description: Text | None = None
    display_config: DisplayConfigOutput


class PageTabInput(Part):
    """The contract's page tab input."""

    tab_id: Text
    label: Text
    retriever_id: Text | None = None
    public_name: Text | None = None
    description: Text | None = None
    display_config: DisplayConfigInput


class FeaturedGalleryConfigOutput(Part):
    """The contract's featured gallery config output."""

    enabled: bool | None = True
    title: Text | None = "Featured"
    retriever_id: Text | None = None
    public_name: Text | None = None
    default_inputs: dict[Text, Tree] | None = None
    layout: LayoutConfig | None = None
    field_config: dict[Text, FieldConfig] | None = None


class FeaturedGalleryConfigInput(Part):
    """The contract's featured gallery config input."""

    enabled: bool | None = True
    title: Text | None = "Featured"
    retriever_id: Text | None = None
    public_name: Text | None = None
    default_inputs: dict[Text, Tree] | None = None
    layout: LayoutConfig | None = None
    field_config: dict[Text, FieldConfig] | None = None

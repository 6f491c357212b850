-- part: stored
-- The columns of `app` for `encoded_site`. They are the stored value, or, if its form is older than `FORM`, the sections from
-- which the value is computed.
case when get_byte(app.site, 0) >= 1 then app.site else convert_to((
    jsonb_build_object('meta', app.published -> 'meta', 'build_config', app.published -> 'build_config')
    #- '{build_config,secrets}')::text, 'UTF8') end
